import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { stop, transform } from 'esbuild';
import MagicString from 'magic-string';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { withDefaults } from './defaults.mjs';
import { constants, entries, facts, inner, pageEntries, program, unused } from './entries.mjs';
import { root } from './install.mjs';

const compiled = join(root, 'build/package');
const dist = join(root, 'dist');
/** By name: where modules are that pages have another one of. */
const seams = JSON.parse(readFileSync(join(root, 'lib/package.json'), 'utf8')).imports;
/** The layers that every entry stands on, whose code is in one file. */
const core = /\/build\/package\/(?:base|wire|transport|session|bus)\/|commonjsHelpers/;
/** What of them only plugins need that listen for HTTP: loaded with those. */
const http = /\/transport\/(?:http-listener|linger|origins|websocket-handshake)\./;
/** The little that channels, joint and rpc share is with them, but in pages, where each byte is loaded. */
const shared = /\/plugins\/channels\/(?:joint-bytes\/|joint-options|ends\/call-port|reason)/;

/**
 * Makes dist/ from build/package/: each entry as one ES module and one CommonJS file, the core that they share in a file of
 * its own, the declarations of both, and the entries of web pages once more for them. Packages become part of the files,
 * but for those that both module systems and all bundlers load, and those that users can meet: `eventemitter3`, `msgpackr`,
 * `socket.io-adapter`, `@nats-io/transport-node`.
 */
export async function bundle() {
  rmSync(dist, { recursive: true, force: true });
  const node = inputs(entries, '.js');
  const forNode = [withMaps, ofSeams('default'), withoutNatives, nodeResolve({ preferBuiltins: true }), commonjs()];
  const forPages = [
    withMaps,
    ofSeams('browser'),
    withoutNodeModules,
    withFacts,
    withoutSentences,
    nodeResolve({ browser: true }),
  ];
  const parts = await Promise.all([
    code(
      'es',
      { ...node, cli: join(compiled, `${program}.js`) },
      forNode,
      ['eventemitter3', 'msgpackr', 'p-retry', 'socket.io-adapter', '@nats-io/transport-node'],
      '',
    ),
    code(
      'cjs',
      node,
      forNode,
      ['eventemitter3', 'msgpackr', 'fast-zlib', 'socket.io-adapter', '@nats-io/transport-node'],
      '',
    ),
    code('es', inputs(pageEntries, '.js'), forPages, undefined, 'page'),
    declarations(inputs(entries, '.d.ts')),
  ]);
  // Its service would keep the process alive.
  await stop();
  writeFileSync(join(dist, 'licenses.txt'), licenses(new Set(parts.flat())));
}

/** Writes one format of some entries, and returns the modules in it. */
async function code(format, input, plugins, packages, folder) {
  const ending = format === 'es' ? 'js' : 'cjs';
  const external = (name) => packages !== undefined && (name.startsWith('node:') || packages.includes(name));
  const made = await rollup({ input, plugins, external, onLog });
  const { output } = await made.write({
    dir: join(dist, folder),
    format,
    exports: 'named',
    sourcemap: true,
    entryFileNames: `[name].${ending}`,
    chunkFileNames: `[name].${ending}`,
    manualChunks: folder === 'page' ? chunkInPages : chunkOf,
    hoistTransitiveImports: false,
    plugins: [squeezed(folder === 'page')],
  });
  await made.close();
  return output.flatMap(({ moduleIds = [] }) => moduleIds);
}

async function declarations(input) {
  const plugins = [withOptions, ofSeams('default'), dts()];
  const made = await rollup({ input, plugins, external: /^[^./#]/, onLog });
  const { output } = await made.generate({
    entryFileNames: '[name]',
    chunkFileNames: '[name]',
    manualChunks: chunkOf,
    hoistTransitiveImports: false,
  });
  await made.close();
  mkdirSync(dist, { recursive: true });
  for (const { fileName, code } of output) {
    const name = fileName.replace(/\.d$/, '');
    const portable = name === 'core' ? withoutNode(code) : code;
    const named = (ending) => portable.replace(/(['"]\.\/[\w-]+)(?:\.d|\.js)?(?=['"])/g, `$1.${ending}`);
    writeFileSync(join(dist, `${name}.d.ts`), named('js'));
    writeFileSync(join(dist, `${name}.d.cts`), named('cjs'));
  }
  return [];
}

/**
 * In web pages the declarations of the core stand without those of Node, whose sockets are `any` there, and `asyncDispose`
 * is known whatever `lib` a project has.
 */
function withoutNode(code) {
  const without = code.replace(
    /^import .* from 'node:.*;$/gm,
    '// @ts-ignore: where the types of Node are missing\n$&',
  );
  return `/// <reference lib="esnext.disposable" />\n${without}`;
}

function inputs(modules, ending) {
  return Object.fromEntries(
    Object.entries(modules).map(([name, module]) => [name, join(compiled, `${module}${ending}`)]),
  );
}

function chunkInPages(id) {
  return core.test(id.split(sep).join('/')) ? 'core' : undefined;
}

function chunkOf(id) {
  if (http.test(id.split(sep).join('/'))) return 'http';
  return shared.test(id.split(sep).join('/')) ? 'core' : chunkInPages(id);
}

function onLog(level, { code, message }) {
  // What the compiler writes before an import of a path that is known late.
  if (code === 'THIS_IS_UNDEFINED') return;
  // Pages use nothing of what they import of Node, and the types of parts that have no public name stay without one.
  if (level !== 'warn' || code === 'UNUSED_EXTERNAL_IMPORT' || /private shared type/.test(message)) return;
  throw new Error(`Bundling: ${message}`);
}

const withMaps = {
  name: 'with source maps',
  load(id) {
    if (!id.startsWith(compiled)) return undefined;
    const map = JSON.parse(readFileSync(`${id}.map`, 'utf8'));
    return { code: readFileSync(id, 'utf8'), map };
  },
};

/** Options say their defaults in the declarations. */
const withOptions = {
  name: 'with defaults of options',
  load: (id) => (id.startsWith(compiled) && id.endsWith('.d.ts') ? withDefaults(id) : undefined),
};

/** ws looks for parts in C that nobody needs, in a way that bundlers stumble over. */
const withoutNatives = {
  name: 'without natives',
  transform(source) {
    const code = source.replace(/!process\.env\.WS_NO_(?:BUFFER_UTIL|UTF_8_VALIDATE)/, 'false');
    return code === source ? undefined : { code, map: null };
  },
};

/** Leads imports by name to one side of their seam. */
const ofSeams = (side) => ({
  name: 'of seams',
  resolveId(wanted, importer, options) {
    const target = seams[wanted]?.[side];
    if (target === undefined) return undefined;
    const id = target.startsWith('.') ? join(compiled, target) : target;
    return this.resolve(id, importer, { ...options, skipSelf: true });
  },
});

/** Pages take nothing of Node's modules, once the facts are known. */
const withoutNodeModules = {
  name: 'without modules of Node',
  resolveId: (id) => (id.startsWith('node:') ? { id, external: true, moduleSideEffects: false } : undefined),
  renderChunk(_source, { fileName, imports }) {
    const used = imports.find((name) => name.startsWith('node:'));
    if (used !== undefined) throw new Error(`Bundling: ${fileName} uses ${used}, which pages have not`);
  },
};

/** Expressions that are the same in all modules of pages, and what they come to. */
const always = {
  'typeof Buffer': '"undefined"',
  'Number.POSITIVE_INFINITY': 'Infinity',
  'Number.NEGATIVE_INFINITY': '-Infinity',
};

const withFacts = {
  name: 'with facts',
  async buildStart() {
    for (const [module, names] of Object.entries(constants)) {
      const values = await import(pathToFileURL(join(compiled, `${module}.js`)).href);
      for (const name of names) {
        for (const [key, value] of Object.entries(values[name])) always[`${name}.${key}`] = JSON.stringify(value);
      }
    }
  },
  transform(source, id) {
    const own = facts[moduleOf(id)] ?? {};
    const spare = new Set(unused[moduleOf(id)]);
    const known = { ...always, ...own };
    const found = new Set();
    const text = new MagicString(source);
    walk(this.parse(source), (node) => {
      const member = node.kind === 'get' ? `get ${node.key.name}` : node.kind === 'method' ? node.key.name : undefined;
      if (spare.has(member)) {
        text.remove(node.start, node.end);
        found.add(member);
      }
      const code = source.slice(node.start, node.end);
      if (!Object.hasOwn(known, code) || /^\s*=[^=]/.test(source.slice(node.end))) return true;
      text.overwrite(node.start, node.end, String(known[code]));
      found.add(code);
      return false;
    });
    const missing = [...Object.keys(own), ...spare].find((code) => !found.has(code));
    if (missing !== undefined) throw new Error(`Bundling: ${id} has no ${missing} any more, see entries.mjs`);
    return { code: text.toString(), map: text.generateMap({ hires: true }) };
  },
  renderChunk(source) {
    const tree = this.parse(source);
    const spare = new Set(Object.values(unused).flat());
    walk(tree, ({ type, callee, property }) => {
      const called = type === 'CallExpression' ? callee.property?.name : undefined;
      const read = type === 'MemberExpression' ? `get ${property.name}` : undefined;
      for (const name of [called, read])
        if (spare.has(name)) throw new Error(`Bundling: ${name} is called in pages, see entries.mjs`);
    });
    const text = new MagicString(source);
    walk(tree, (node) => {
      if (node.type === 'ClassBody') for (const { start, end } of unspoken(node)) text.remove(start, end);
    });
    return { code: text.toString(), map: text.generateMap({ hires: true }) };
  },
};

/** The private members of a class that nobody speaks of, but for such members, and that do nothing by themselves. */
function unspoken({ body }) {
  const inert = (value) => value === null || /^(?:ArrowFunctionExpression|Literal)$/.test(value.type);
  const left = new Set(body);
  for (let before = 0; before !== left.size; ) {
    before = left.size;
    const named = new Set();
    for (const member of left) {
      const { key } = member;
      const own = key?.type === 'PrivateIdentifier' ? key.name : undefined;
      walk(member, (node) => {
        if (node.type === 'PrivateIdentifier' && node.name !== own) named.add(node.name);
      });
    }
    for (const member of left) {
      const isInert =
        member.type === 'MethodDefinition' || (member.type === 'PropertyDefinition' && inert(member.value));
      if (isInert && member.key.type === 'PrivateIdentifier' && !named.has(member.key.name)) left.delete(member);
    }
  }
  return body.filter((member) => !left.has(member));
}

/**
 * In pages, where each byte is loaded, errors that users cannot bring about by their own code carry their code alone; those
 * of settings and arguments keep their sentence.
 */
const withoutSentences = {
  name: 'without sentences',
  transform(source, id) {
    if (!id.startsWith(compiled)) return undefined;
    const text = new MagicString(source);
    walk(this.parse(source), (node) => {
      if (node.type !== 'NewExpression' || node.callee.name !== 'BusError') return;
      const [code, sentence, options] = node.arguments;
      if (sentence === undefined || kept.test(code.value ?? '')) return;
      if (sentence.type !== 'Literal' && sentence.type !== 'TemplateLiteral') return;
      if (options === undefined) text.remove(code.end, sentence.end);
      else text.overwrite(sentence.start, sentence.end, 'void 0');
    });
    return { code: text.toString(), map: text.generateMap({ hires: true }) };
  },
};
const kept = /^ERR_(?:INVALID_|PLUGIN|CONNECT|NO_METHOD|REMOTE)/;

/** The name of a compiled module, as in lib/. */
function moduleOf(id) {
  return relative(compiled, id).replace(/\.js$/, '').split(sep).join('/');
}

function walk(node, visit) {
  // What was replaced is not looked into.
  if (typeof node?.type === 'string' && visit(node) === false) return;
  for (const child of Object.values(node ?? {})) if (typeof child === 'object') walk(child, visit);
}

/** The same in every file, since they use each other's. */
const shortNames = Object.fromEntries(inner.map((name, at) => [name, `$${at.toString(36)}`]));

/**
 * Comments are for the declarations, white space for the sources; the lines stay short enough to be named in stacks. Private
 * names are made short for pages, as not all that minifies there does it.
 */
const squeezed = (isForPages) => ({
  name: 'squeezed',
  renderChunk: (source) =>
    transform(source, {
      target: 'es2022',
      sourcemap: true,
      legalComments: 'none',
      minifyWhitespace: true,
      minifyIdentifiers: isForPages,
      ...(isForPages && { mangleProps: new RegExp(`^(?:${inner.join('|')})$`), mangleCache: shortNames }),
      lineLimit: 160,
    }),
});

/** The licenses of the packages that became part of the files. */
function licenses(modules) {
  const folders = new Set([...modules].map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/?]+)/.exec(id)?.[1]));
  folders.delete(undefined);
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((candidate) => /^licen[cs]e(?:\.|$)/i.test(candidate));
    if (file === undefined) throw new Error(`Bundling: ${name} has no license file.`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
