import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { root } from '../support/repository.ts';
import {
  importsOf,
  linesMatching,
  seams,
  sideOf,
  type Source,
  sources,
  targetsOf,
  withoutComments,
} from '../support/sources.ts';

/** The layer of a file of lib/, and the layers it may import beside its own. */
const below: Record<string, readonly string[]> = {
  base: [],
  wire: ['base'],
  transport: ['base'],
  struct: ['base', 'wire'],
  session: ['base', 'wire', 'transport'],
  bus: ['base', 'wire', 'transport', 'session'],
  plugins: ['base', 'wire', 'transport', 'session', 'bus'],
  index: ['base', 'wire', 'transport', 'session', 'bus'],
  testing: ['base', 'wire', 'transport', 'session', 'bus', 'plugins', 'index'],
  browser: ['base', 'wire', 'transport', 'session', 'bus', 'plugins', 'index'],
  cli: ['base', 'wire', 'transport', 'session', 'bus', 'plugins', 'index', 'testing'],
};

/** Of a folder with folders in it, what each of them may import of the others. */
const within: Record<string, Record<string, readonly string[]>> = {
  bus: {
    requests: [],
    tracing: [],
    server: ['requests'],
    client: ['requests'],
    process: ['server', 'client'],
    inspect: ['server', 'client', 'requests', 'tracing'],
  },
  'plugins/channels': {
    topics: [],
    'joint-bytes': [],
    ends: ['joint-bytes'],
    relay: ['topics'],
    client: ['ends', 'relay', 'topics', 'joint-bytes'],
    joint: ['relay', 'joint-bytes'],
  },
  'plugins/cluster': {
    wire: [],
    membership: ['wire'],
    broadcasts: ['wire'],
    sessions: ['wire'],
    world: ['sessions', 'wire'],
    spanning: ['world'],
  },
  'plugins/gateway': { http: [], websocket: [], workers: ['http', 'websocket'] },
  'plugins/journal': {
    log: [],
    format: ['log'],
    sender: ['format', 'log'],
    inbox: ['format', 'log'],
    receiver: ['inbox', 'format', 'log'],
    database: ['sender', 'format', 'log'],
  },
  'plugins/services': { client: [], hub: ['client'] },
};

/**
 * What plugins may import of the layers below them: the door, `Server` and `Client`, which those of others have too, what stands in `base`, and
 * of `transport` the listeners, the link they give, their addresses, what they take a stranger's HTTP for, the pace of
 * a memory link, children and threads, and the ports kept for them.
 */
const door =
  /^(?:base\/[^/]+|bus\/plugin|bus\/node-(?:client|server)|transport\/(?:address|child|http-listener|kept-port|linger|link|listen|memory-pipe|origins|origin-options|thread|websocket-handshake))\.ts$/;
/** What plugins may import of each other. `internal` is what remote objects need of the ends of channels, without the relay. */
const entry = /^plugins\/[^/]+\/(?:index|internal)\.ts$/;

/** The side that pages have stands in the layer of the other one, with what it is made of; `base` where that is a package. */
const layersInPages = new Map<string, string>();
for (const seam of Object.values(seams)) {
  const layer = seam.default.startsWith('.') ? (normalize(seam.default).split('/')[0] ?? '') : 'base';
  for (const parts = [sideOf(seam.browser)]; parts.length > 0; ) {
    const name = parts.pop() ?? '';
    const source = sources.find((one) => one.name === name);
    layersInPages.set(name, layer);
    parts.push(
      ...(source?.imports ?? [])
        .flatMap((imported) => targetsOf(source as Source, imported))
        .filter((target) => target.startsWith('browser/') && !layersInPages.has(target)),
    );
  }
}

function layerOf(name: string): string {
  return layersInPages.get(name) ?? (name === 'index.ts' ? 'index' : (name.split('/')[0] ?? ''));
}

describe('layers', () => {
  it('imports - are read out of every form of statement', () => {
    const code = `import a from './a.ts';\nimport type { B } from "./b.ts";\nimport './c.ts';\nexport * from './d.ts';
export {\n  e,\n} from './e.ts';\nconst f = await import('./f.ts');\nexport const g = 'x';\nexport type { H } from './h.ts';\nconst i = { doc: 'a' };
export const j = (from: string) => from === 'k.ts';`;
    expect(importsOf(withoutComments(`// import z from './z.ts'\n${code}`))).to.deep.equal([
      { specifier: './a.ts', typeOnly: false },
      { specifier: './b.ts', typeOnly: true },
      { specifier: './c.ts', typeOnly: false },
      { specifier: './d.ts', typeOnly: false },
      { specifier: './e.ts', typeOnly: false },
      { specifier: './h.ts', typeOnly: true },
      { specifier: './f.ts', typeOnly: false },
    ]);
  });

  it('imports - point down the list, types too', () => {
    const wrong: string[] = [];
    for (const source of sources) {
      const layer = layerOf(source.name);
      const allowed = below[layer];
      if (allowed === undefined) wrong.push(`${source.name} is in no layer`);
      for (const target of source.imports.flatMap((imported) => targetsOf(source, imported))) {
        const other = layerOf(target);
        if (other !== layer && allowed?.includes(other) === false) wrong.push(`${source.name} -> ${target}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  it('imports - between the folders of one folder go one way, types too', () => {
    const wrong: string[] = [];
    for (const [folder, permitted] of Object.entries(within)) {
      const partOf = (name: string): string | undefined => {
        const [part, ...rest] = name.startsWith(`${folder}/`) ? name.slice(folder.length + 1).split('/') : [];
        return rest.length > 0 ? part : undefined;
      };
      const parts = new Set(sources.flatMap(({ name }) => partOf(name) ?? []));
      expect([...parts].sort(), folder).to.deep.equal(Object.keys(permitted).sort());
      for (const source of sources) {
        const part = partOf(source.name);
        if (part === undefined) continue;
        for (const target of source.imports.flatMap((imported) => targetsOf(source, imported))) {
          const other = partOf(target);
          if (other !== undefined && other !== part && permitted[part]?.includes(other) !== true)
            wrong.push(`${source.name} -> ${target}`);
        }
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  it('imports - of plugins come through the door, types too', () => {
    const wrong = sources
      .filter(({ name }) => layerOf(name) === 'plugins')
      .flatMap((source) => {
        const own = source.name.split('/', 2).join('/');
        return source.imports
          .flatMap((imported) => targetsOf(source, imported))
          .filter((target) => !target.startsWith(`${own}/`) && layersInPages.get(target) !== 'base')
          .filter((target) => !door.test(target) && !entry.test(target))
          .map((target) => `${source.name} -> ${target}`);
      });
    expect(wrong).to.deep.equal([]);
  });

  it('door - has nothing for plugins of the package that those of others cannot have', () => {
    // Remote objects check the settings of a call as they are made, and not as they are used; so does a cluster those of a send.
    const own = ['AskOptions', 'askOptions', 'requestNames', 'sendOptions'];
    const named = (code: string, from: string): string[] =>
      [...code.matchAll(new RegExp(`^(?:import|export)(?:\\s+type)?\\s*\\{([^}]*)\\}\\s*from\\s*'[^']*${from}'`, 'gm'))]
        .flatMap(([, names = '']) => names.split(','))
        .map((name) => name.replace(/^\s*type\b/, '').trim())
        .filter((name) => name !== '');
    const index = sources.find(({ name }) => name === 'index.ts');
    const open = new Set(named(withoutComments(index?.text ?? ''), 'bus/plugin.ts'));
    const taken = sources
      .filter(({ name }) => layerOf(name) === 'plugins')
      .flatMap(({ name, text }) =>
        named(withoutComments(text), 'bus/plugin.ts').map((taken) => [name, taken] as const),
      );
    expect(taken.length).to.be.greaterThan(20);
    expect(taken.filter(([, name]) => !open.has(name) && !own.includes(name))).to.deep.equal([]);
    const channels = sources.find(({ name }) => name === 'plugins/channels/index.ts');
    const names = sources
      .filter(({ name }) => name.startsWith('plugins/rpc/'))
      .flatMap(({ text }) => named(withoutComments(text), 'channels/internal.ts'));
    expect(names).to.include('callPort');
    for (const name of names) expect(withoutComments(channels?.text ?? ''), name).to.match(new RegExp(`\\b${name}\\b`));
  });

  it('imports - make no cycle, types too', () => {
    const state = new Map<string, 'open' | 'done'>();
    const byName = new Map(sources.map((source) => [source.name, source]));
    const cycles: string[] = [];
    const visit = (name: string, path: readonly string[]): void => {
      if (state.get(name) === 'open') cycles.push([...path.slice(path.indexOf(name)), name].join(' -> '));
      const source = byName.get(name);
      if (state.has(name) || source === undefined) return;
      state.set(name, 'open');
      for (const target of source.imports.flatMap((imported) => targetsOf(source, imported))) {
        visit(target, [...path, name]);
      }
      state.set(name, 'done');
    };
    for (const { name } of sources) visit(name, []);
    expect(cycles).to.deep.equal([]);
  });

  it('folders - make no cycle, types too', () => {
    const below = new Map<string, Set<string>>();
    // The side of pages is `lib/browser/`, whatever is on the other.
    for (const source of sources.filter(({ name }) => layerOf(name) !== 'browser')) {
      const folder = dirname(source.name);
      for (const target of source.imports.flatMap((imported) => targetsOf(source, imported))) {
        const other = dirname(target);
        // A folder and what it is in are one.
        const isWithin = folder.startsWith(`${other}/`) || other.startsWith(`${folder}/`);
        if (folder === other || isWithin || other === '.' || other === 'browser') continue;
        below.set(folder, (below.get(folder) ?? new Set()).add(other));
      }
    }
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (folder: string, path: readonly string[]): void => {
      if (path.includes(folder)) cycles.push([...path.slice(path.indexOf(folder)), folder].join(' -> '));
      if (done.has(folder) || path.includes(folder)) return;
      for (const other of below.get(folder) ?? []) visit(other, [...path, folder]);
      done.add(folder);
    };
    for (const folder of below.keys()) visit(folder, []);
    expect(cycles).to.deep.equal([]);
  });

  it('packages - every one imported is a dependency, an optional peer loaded lazily, or becomes part of the files', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object | undefined>;
    const bundled = { commander: '', 'find-my-way': '', 'proxy-addr': '', 'string-width': '', uplot: '', ws: '' };
    const named = new Set(Object.keys({ ...manifest['dependencies'], ...manifest['peerDependencies'], ...bundled }));
    const wrong = sources.flatMap(({ name, imports }) =>
      imports
        .map(({ specifier }) => specifier)
        .map((specifier) => (Object.hasOwn(seams, specifier) ? (seams[specifier]?.default ?? '') : specifier))
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .filter((specifier) => !named.has(specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')))
        .map((specifier) => `${name} -> ${specifier}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('files - are 300 lines at most', () => {
    const long = sources.map(({ name, text }) => [name, text.split('\n').length - 1] as const);
    expect(long.filter(([, lines]) => lines > 300)).to.deep.equal([]);
  });

  it('files - are imported by another, unless they are an entry or the program', async () => {
    const { entries, pageEntries, program } = (await import(pathToFileURL(join(root, 'scripts/entries.mjs')).href)) as {
      readonly entries: Record<string, string>;
      readonly pageEntries: Record<string, string>;
      readonly program: string;
    };
    const modules = [entries, pageEntries].flatMap((table) => Object.values(table));
    const page = 'cli/inspect/page/page';
    const named = [...modules, program, page].map((module) => `${module}.ts`);
    const used = new Set(
      sources.flatMap((source) => source.imports.flatMap((imported) => targetsOf(source, imported))),
    );
    const unused = sources.map(({ name }) => name).filter((name) => !used.has(name) && !named.includes(name));
    expect(unused).to.deep.equal([]);
  });

  it('files - are named for their noun, in kebab case', () => {
    const bad = sources.filter(({ name }) => !/^(?:[a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(name));
    const vague = sources.filter(({ name }) => /(?:^|\/)(?:utils?|helpers?|types|constants)\.ts$/.test(name));
    expect([...bad, ...vague].map(({ name }) => name)).to.deep.equal([]);
  });

  it('wire - knows no socket, timer, clock or chance', () => {
    const wire = sources.filter(({ name }) => layerOf(name) === 'wire');
    const modules = /^(?:node:)?(?:net|tls|dgram|http|https|timers|timers\/promises|fs|fs\/promises|child_process)$/;
    const imports = wire.flatMap(({ name, imports }) =>
      imports.filter(({ specifier }) => modules.test(specifier)).map(({ specifier }) => `${name} -> ${specifier}`),
    );
    const calls = linesMatching(
      /\b(?:setTimeout|setInterval|setImmediate|Date\.now|Date\(\)|Math\.random|performance\.now)/,
      wire,
    );
    expect([...imports, ...calls]).to.deep.equal([]);
  });

  it('session - reads no clock and draws no chance but those it is given', () => {
    const session = sources.filter(({ name }) => layerOf(name) === 'session');
    const calls = /\b(?:setTimeout|setInterval|new Date\b|Date\.now|Math\.random|performance\.now)/;
    expect(linesMatching(calls, session)).to.deep.equal([]);
  });

  it('types - have no hole', () => {
    expect(linesMatching(/:\s*any\b|\bas any\b|<any>|\bany\[\]|@ts-(?:ignore|expect-error|nocheck)/)).to.deep.equal([]);
  });

  it('lib - prints nothing', () => {
    const quiet = sources.filter(({ name }) => layerOf(name) !== 'cli');
    expect(linesMatching(/\bconsole\./, quiet)).to.deep.equal([]);
  });
});
