import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

/**
 * The pages of the documents, in the order in which somebody new reads them, by what they are read for: the side bar of the
 * site, and `llms.txt`. What is one line there is what follows the path here.
 */
export const groups = [
  {
    title: 'Start',
    pages: {
      'README.md': 'what busbar is, what it promises, a first program, a comparison',
      'docs/getting-started.md': 'messages, requests, cancelling, surveys, authorisation, shutting down, step by step',
      'docs/concepts.md': 'link, session, delivery, lane, peer, hub, with pictures',
      'docs/which-part.md': 'a table of what you want to do and the part that does it; guarantees side by side',
      'docs/topologies.md': 'one hub, children, a server in each process, several hubs, cluster',
      'docs/recipes.md': 'whole programs: rooms, job queues, cache, leader, deploy, tokens, tests, threads and more',
      'docs/typescript.md': 'contracts, unions, checks at run time, names of types',
      'docs/troubleshooting.md': 'by symptom and by error code: why, and what to do',
      'docs/faq.md': 'questions and short answers',
    },
  },
  {
    title: 'The bus',
    pages: {
      'docs/delivery.md': 'what is promised, sessions, confirmations, what happens when a process dies',
      'docs/transports.md': 'unix sockets, pipes, TCP, TLS, memory, child processes and threads: which link for what',
      'docs/contracts.md': '`busbar/contract`: messages of a shape both ends know, Standard Schema and JSON Schema',
      'docs/cli.md': '`npx busbar`: a client from the shell; top, tap, doctor, record and replay; the page',
      'docs/observing.md': '`busbar/telemetry`: traces, metrics; channels of node:diagnostics_channel',
      'docs/testing.md': '`busbar/testing`: virtual clock, networks with faults, fault proxy',
      'docs/security.md': 'what a stranger, an admitted client, another user of the machine and a web page can do',
    },
  },
  {
    title: 'Parts',
    pages: {
      'docs/plugins.md': 'how parts come to the bus, and how to write one',
      'docs/journal.md': '`busbar/journal`: what was accepted survives the end of a process',
      'docs/services.md': '`busbar/services`: find each other by name, work queues, keys with one owner',
      'docs/fleet.md': '`busbar/fleet`: processes that run, are replaced and are watched as one application',
      'docs/cluster.md': '`busbar/cluster`: servers on many machines as one, over NATS',
      'docs/channels.md': '`busbar/channels`: named channels with an owner and users; topics',
      'docs/rpc.md': '`busbar/rpc`: call the methods of an object in another process',
      'docs/interserve.md': '`busbar/interserve`: transfers of large data over HTTP, resumable',
      'docs/gateway.md':
        '`busbar/gateway`: HTTP and WebSocket servers whose events travel the bus; web pages as clients',
      'docs/dispatch.md': '`busbar/dispatch`: TCP and UDP ports on demand, streamed to drivers',
      'docs/socket-io.md': '`busbar/socket.io`: servers of socket.io, and Colyseus, in many processes',
    },
  },
  {
    title: 'Moving here',
    pages: {
      'docs/migrating-from-net-ipc.md': 'from net-ipc, one process at a time',
      'docs/migrating.md':
        'from node-ipc, socket.io, child_process.send, ws, Redis pub/sub and ZeroMQ, with differences that run',
    },
  },
  {
    title: 'Look up',
    pages: {
      'docs/api.md': 'every member and event of Client, Server and Connection',
      'docs/options.md': 'every option with its default, unit and range',
      'docs/errors.md': 'every error code, what it means, what to do',
      'docs/performance.md': 'what was measured, and how to measure it',
      'docs/performance-tables.md': 'the figures of every scenario',
      'docs/performance-plugins.md': 'the figures of the parts',
      'docs/tested-versions.md': 'Node, Bun and Deno, as tested',
      'docs/reliability.md': 'what was measured of the promises, with the command for each figure',
    },
  },
  {
    title: 'Inside',
    pages: {
      'docs/architecture.md': 'the layers, and the two paths of a message',
      'docs/protocol.md': 'the native protocol, byte for byte',
      'docs/net-ipc-dialect.md': 'how net-ipc processes are spoken to',
      'docs/joint-protocol.md': 'how peote-net peers are spoken to',
      'CONTRIBUTING.md': 'how to work on busbar',
      'SECURITY.md': 'what is promised, and how to report a vulnerability',
      'CHANGELOG.md': 'what changed',
    },
  },
];

/** Every page: where it is, its title, the sentence about it, its text. */
export function pages() {
  const listed = groups.flatMap((group) =>
    Object.entries(group.pages).map(([path, about]) => {
      const text = readFileSync(join(root, path), 'utf8');
      const title = /^# (.+)$/m.exec(text)?.[1];
      if (title === undefined) throw new Error(`${path} has no title.`);
      return { group: group.title, path, about, text, title: title.replaceAll('`', '') };
    }),
  );
  const paths = new Set(listed.map(({ path }) => path));
  const unlisted = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .filter((path) => !paths.has(path));
  if (unlisted.length > 0) throw new Error(`Not in scripts/pages.mjs: ${unlisted.join(', ')}`);
  return listed;
}

/** The list of pages in the form of llmstxt.org; `base` stands before each path. */
export function llmsText(base = '') {
  const { description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const all = pages();
  const sections = groups.map(({ title }) => {
    const lines = all
      .filter(({ group }) => group === title)
      .map((page) => `- [${page.title}](${base}${page.path}): ${page.about}`);
    return `## ${title}\n\n${lines.join('\n')}`;
  });
  return `# busbar\n\n> ${description}\n\n${sections.join('\n\n')}\n`;
}

/** Everything in one file. */
export function fullText() {
  return pages()
    .map(({ path, text }) => `<!-- ${path} -->\n\n${withoutMarks(text)}`)
    .join('\n\n');
}

/** Without the marks that specs and the generator go by. */
export function withoutMarks(text) {
  return text.replace(/^<!-- (?:runs|prints|table:|members:|example:|end of).*-->\n/gm, '');
}
