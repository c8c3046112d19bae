import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './install.mjs';

const source = join(root, 'lib/cli/inspect/page');

/** Makes the page of `busbar inspect`: one file, with its script, its styles and what both are made of. */
export async function inspectPage(...paths) {
  const { outputFiles } = await build({
    entryPoints: [join(source, 'page.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'inline',
    absWorkingDir: root,
  });
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script');
  const styles = [join(root, 'node_modules/uplot/dist/uPlot.min.css'), join(source, 'page.css')];
  const style = styles.map((path) => readFileSync(path, 'utf8').trim()).join('\n');
  const html = readFileSync(join(source, 'page.html'), 'utf8');
  const page = html.replace('{style}', () => style).replace('{script}', () => script);
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), page);
  }
}
