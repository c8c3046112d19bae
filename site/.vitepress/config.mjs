import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { groups, pages } from '../../scripts/pages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version, description, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const reference = JSON.parse(readFileSync(join(root, 'site/build/reference.json'), 'utf8'));
const source = (repository?.url ?? '').replace(/^git\+|\.git$/g, '');
const listed = pages();
const base = process.env.SITE_BASE ?? '/';

/** The side bar: the groups of the documents, then the reference. */
function sideBar() {
  const items = groups.map(({ title }) => ({
    text: title,
    items: listed
      .filter(({ group }) => group === title)
      .map((page) => ({ text: shortTitle(page), link: `/${page.path.replace(/\.md$/, '')}` })),
  }));
  return [...items, { text: 'API reference', items: reference }];
}

function shortTitle({ path, title }) {
  return path === 'README.md' ? 'Overview' : title.replace(/: busbar\/.*$/, '');
}

/** Tables whose first row says nothing have no headers. */
function emptyHeaders({ tokens }) {
  for (const [at, token] of tokens.entries()) {
    if (token.type !== 'th_open' || tokens[at + 1].content !== '') continue;
    token.tag = 'td';
    tokens[at + 2].tag = 'td';
  }
}

export default defineConfig({
  title: 'busbar',
  description,
  lang: 'en',
  base,
  srcDir: join(root, 'site/build/pages'),
  outDir: join(root, 'site/build/out'),
  cacheDir: join(root, 'site/build/cache'),
  lastUpdated: false,
  metaChunk: true,
  // Of a theme of its own for dark pages, with enough contrast in both.
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (markdown) => markdown.core.ruler.push('cells', emptyHeaders),
  },
  head: [
    ['link', { rel: 'icon', href: `${base}icon.svg`, type: 'image/svg+xml' }],
    ['link', { rel: 'alternate', type: 'text/plain', href: `${base}llms.txt`, title: 'llms.txt' }],
  ],
  transformHead: ({ pageData: { relativePath } }) =>
    /^(?:404|index)\.md$/.test(relativePath)
      ? []
      : [['link', { rel: 'alternate', type: 'text/markdown', href: `${base}${relativePath}` }]],
  transformPageData(data) {
    data.frontmatter.editLink = false;
  },
  vite: {
    publicDir: join(root, 'site/build/public'),
    build: { chunkSizeWarningLimit: 2_000 },
    server: { fs: { allow: [root] } },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3], label: 'On this page' },
    nav: [
      { text: 'Start', link: '/docs/getting-started' },
      { text: 'Options', link: '/docs/options' },
      { text: 'Errors', link: '/docs/errors' },
      { text: 'API', link: '/reference/modules' },
      { text: version, link: '/CHANGELOG' },
    ],
    sidebar: sideBar(),
    socialLinks: source.startsWith('https://') ? [{ icon: 'github', link: source }] : [],
    docFooter: { prev: 'Before', next: 'Next' },
    footer: { message: `busbar ${version}, MIT licensed` },
  },
});
