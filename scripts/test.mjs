import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { endWithUs } from './ending.mjs';
import { ensureInstalled, root } from './install.mjs';
import { installPrograms } from './programs.mjs';

// npm test [-- paths] [-- --grep text]: without paths everything, with paths those specs alone, without the linter.
// The last line is "N passed, N failed", and ", N skipped" if any were; a step that fails counts as one failure.

const { values, positionals } = readArguments();
const deadlineMs = (values.long ? 100 : 40) * 60_000;
/** Processes of specs that wait for nothing, as below: they take what the others leave of the cores. */
const patient = [
  ['simulation/api'],
  ['simulation/services'],
  ['simulation/'],
  ['fuzz/decoders', 'plugins/journal/log-simulation', 'struct/'],
];
const patientPriority = 5;
/**
 * The processes that run the specs, by the beginnings of their files' paths in spec/; the last one has all others. Specs
 * mostly wait, so that several share the cores. Collecting garbage takes long where much is loaded: what does so often
 * has a process of its own.
 */
const processes = [
  ['bus/', 'contract/'],
  ['plugins/rpc/', 'wire/'],
  ...patient,
  ['plugins/'],
  ['bench/', 'fuzz/', 'hostile/', 'interop/', 'project/'],
];
/**
 * Of a whole run, so many specs may fail beside others and pass when their files run once more, alone. They are named at
 * the end: a spec that is named there again and again is to be mended.
 */
const mayBeUnsteady = 6;
/** How long the specs' process may take to end by itself after its last spec. */
const endingMs = 5_000;
const whole = positionals.length === 0 && !values.long && !values.coverage && values.grep === undefined;

/** Of so many files a whole run says what they cost. */
const dearest = 20;

const total = { passed: 0, failed: 0, skipped: 0 };
/** What failed, which is said once more at the end: the specs' own words are far above it. */
const faults = [];
/** Specs that failed, with their files. */
let failedSpecs = [];
let unsteady = [];
/** Seconds of processor time and of waiting, by file; what loading them took is one entry. */
const costs = {};
try {
  ensureInstalled();
  installPrograms();
  await build();
  const checked = whole ? checkSources() : undefined;
  await runSpecs(specFiles());
  process.stdout.write((await checked) ?? '');
  if (whole && failedSpecs.length > 0 && failedSpecs.length <= mayBeUnsteady) await runAgain();
} catch (error) {
  fail(error.message);
}
if (whole) process.stdout.write(costsText());
for (const { what } of unsteady) process.stdout.write(`\nPassed only when run again, alone: ${what}\n`);
for (const { what } of failedSpecs) process.stdout.write(`\nFailed: ${what}\n`);
for (const fault of faults) process.stdout.write(`\nFailed: ${fault}\n`);
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
process.exitCode = total.failed === 0 ? 0 : 1;
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`);

function fail(fault) {
  total.failed++;
  faults.push(fault);
}

function costsText() {
  const all = Object.entries(costs).sort(([, [a]], [, [b]]) => b - a);
  const sum = all.reduce((seconds, [, [cpu]]) => seconds + cpu, 0);
  const lines = all
    .slice(0, dearest)
    .map(
      ([file, cost]) =>
        `  ${cost.map((of) => of.toFixed(0).padStart(5)).join('')}  ${file.startsWith(root) ? relative(join(root, 'build'), file) : file}\n`,
    );
  return `\nSeconds of processor time of the specs: ${sum.toFixed(0)}; most of it, and the seconds that passed meanwhile, in\n${lines.join('')}`;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        long: { type: 'boolean', default: false },
        coverage: { type: 'boolean', default: false },
        grep: { type: 'string', short: 'g' },
      },
    });
  } catch (error) {
    process.stderr.write(`${error.message}\n\nusage: npm test [-- PATHS] [-- --grep TEXT]\n`);
    process.stdout.write('\n0 passed, 1 failed\n');
    return process.exit(1);
  }
}

/** What is looked at beside the specs; what is said of it. */
async function checkSources() {
  let said = '';
  const steps = {
    Linting: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--quiet'],
    'The type check of what pages have': ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.page.json'],
    'The search for what nobody uses': ['node_modules/knip/bin/knip.js', '--no-progress'],
    'The format check': ['node_modules/@biomejs/biome/bin/biome', 'format', '--colors=off', '.'],
    'The prose linter': ['prose/lint.mjs'],
  };
  for (const [step, args] of Object.entries(steps)) {
    const { code, text } = await run(args, { gather: true, isPatient: true });
    said += text;
    if (code !== 0) fail(`${step} failed.`);
  }
  return said;
}

function specFiles() {
  const ending = values.long ? '.long.js' : '.spec.js';
  const wanted = positionals.length === 0 ? ['spec'] : positionals;
  const files = wanted.flatMap((path) => {
    const compiled = join(root, 'build', relative(root, resolve(path))).replace(/\.ts$/, '.js');
    if (!existsSync(compiled)) throw new Error(`There are no specs at ${path}.`);
    if (statSync(compiled).isFile()) return [compiled];
    const names = readdirSync(compiled, { recursive: true }).map(String);
    return names.filter((name) => name.endsWith(ending)).map((name) => join(compiled, name));
  });
  if (files.length === 0) throw new Error('No spec was found.');
  return files.sort();
}

/** What failed beside other specs may have been starved by them: only what fails alone as well has failed. */
async function runAgain() {
  const first = failedSpecs;
  const before = { ...total };
  failedSpecs = [];
  await runMocha([...new Set(first.map(({ file }) => file))]);
  const failed = total.failed - before.failed;
  Object.assign(total, before);
  if (failed > 0) {
    failedSpecs = first;
    return;
  }
  unsteady = first;
  total.failed -= first.length;
  total.passed += first.length;
}

async function runSpecs(files) {
  const lists = new Map();
  for (const file of files) {
    const path = relative(join(root, 'build/spec'), file).replaceAll('\\', '/');
    const at = whole ? processes.findIndex((starts) => starts.some((start) => path.startsWith(start))) : 0;
    lists.set(at, [...(lists.get(at) ?? []), file]);
  }
  // One is shown as it runs and the others once it has ended, so that their lines do not mix.
  const [shown, ...gathered] = [...lists].map(([of, list], at) =>
    runMocha(list, { gather: at > 0, isPatient: whole && patient.includes(processes[of]) }),
  );
  await shown;
  for (const text of gathered) process.stdout.write(await text);
}

/** Runs specs in a process and adds to the counts. With `gather`, returns what it printed. */
async function runMocha(files, { gather = false, isPatient = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'busbar-specs-'));
  const summary = join(folder, 'summary.json');
  const mocha = [
    'node_modules/mocha/bin/mocha.js',
    ...(values.grep === undefined ? [] : ['--grep', values.grep]),
    ...files,
  ];
  // Those that are patient may get little of the cores for as long as others run.
  if (values.long || isPatient) mocha.push('--timeout', String(deadlineMs));
  const command = values.coverage ? ['node_modules/c8/bin/c8.js', process.execPath, ...mocha] : mocha;
  let output = '';
  try {
    const isDone = () => existsSync(summary);
    const { code, late, text } = await run(command, { env: { SPEC_SUMMARY: summary }, isDone, gather, isPatient });
    output = text;
    if (!existsSync(summary)) {
      throw new Error(
        late ? `The specs took more than ${deadlineMs / 60_000} minutes.` : `The specs ended with ${code}.`,
      );
    }
    const counts = JSON.parse(readFileSync(summary, 'utf8'));
    for (const key of Object.keys(total)) total[key] += counts[key];
    failedSpecs.push(...counts.faults);
    for (const [name, [cpu, waited]] of Object.entries(counts.costs)) {
      const sums = costs[name] ?? [0, 0];
      costs[name] = [sums[0] + cpu, sums[1] + waited];
    }
    if (late) throw new Error('After the last spec something kept the process alive.');
    if (code !== 0 && counts.failed === 0) throw new Error(`The specs ended with ${code}.`);
  } catch (error) {
    fail(error.message);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return output;
}

/**
 * Runs Node until it ends, or is killed for being late: at the deadline, or when it lingers after `isDone`. What it prints
 * is gathered, or shown.
 */
function run(args, { env = {}, isDone = () => false, gather = false, isPatient = false }) {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: gather ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    endWithUs(child);
    if (isPatient && child.pid !== undefined) setPriority(child.pid, patientPriority);
    let text = '';
    for (const stream of gather ? [child.stdout, child.stderr] : []) {
      stream.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
    }
    const deadline = Date.now() + deadlineMs;
    let doneAt = Infinity;
    let late = false;
    const watch = setInterval(() => {
      const now = Date.now();
      if (doneAt === Infinity && isDone()) doneAt = now;
      late = now > deadline || now - doneAt > endingMs;
      if (late) child.kill('SIGKILL');
    }, 250);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(watch);
      settle({ code: code ?? signal, late, text });
    });
  });
}
