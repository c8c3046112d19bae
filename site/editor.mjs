import { javascript } from '@codemirror/lang-javascript';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { tags } from '@lezer/highlight';
import { basicSetup, EditorView } from 'codemirror';

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier], color: 'var(--pg-keyword)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--pg-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--pg-number)' },
  { tag: tags.comment, color: 'var(--vp-c-text-2)' },
]);

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--vp-code-block-bg)', color: 'var(--vp-c-text-1)' },
  '.cm-scroller': { fontFamily: 'var(--vp-font-family-mono)', lineHeight: '20px', overflow: 'auto' },
  '.cm-gutters': { backgroundColor: 'var(--vp-code-block-bg)', color: 'var(--vp-c-text-2)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '.cm-cursor': { borderLeftColor: 'var(--vp-c-text-1)' },
});

/** An editor for JavaScript; Tab leaves it, as everywhere on a page. */
export function makeEditor(parent, doc) {
  const named = EditorView.contentAttributes.of({ 'aria-label': 'The code that runs in this page' });
  const view = new EditorView({
    doc,
    parent,
    extensions: [basicSetup, javascript(), syntaxHighlighting(colours), look, named],
  });
  view.scrollDOM.tabIndex = 0;
  return {
    get text() {
      return view.state.doc.toString();
    },
    replace(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    close: () => view.destroy(),
  };
}
