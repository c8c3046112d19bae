import { MultiBar, Presets } from 'cli-progress';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { whyMissing, whyNotRun } from './availability.ts';
import { countRuns, runScenario } from './bench.ts';
import { machine } from './machine.ts';
import { installPackages } from './packages.ts';
import { writeMicro, writeReport } from './report/report.ts';
import { textTables } from './report/tables.ts';
import { keepResults, latestResults, type ScenarioResults } from './results.ts';

async function main(): Promise<void> {
  let args: Arguments = readArguments(process.argv.slice(2));
  if (args.help) {
    process.stdout.write(usage);
    return;
  }
  if (args.micro) {
    const { runMicro } = await import('./micro/micro.ts');
    const figures = await runMicro(args.quick);
    process.stdout.write(figures);
    if (args.write) writeMicro(figures);
    return;
  }
  if (args.report) {
    const kept = latestResults();
    if (kept === undefined) throw new Error('No results were kept yet.');
    install(args);
    await writeReport(kept);
    return;
  }
  const ofTheBus = args.scenarios.some(({ group }) => group === 'bus');
  if (ofTheBus || args.write) install(args);
  const about = machine(args.node);
  const nodeMajor = Number(about.node.split('.')[0]);
  const wanted = ofTheBus ? args.peers : [];
  const peers = wanted.filter((peer) => {
    const reason = whyMissing(peer, nodeMajor);
    if (reason !== undefined) process.stderr.write(`Skipping ${peer.name}: it ${reason}.\n`);
    return reason === undefined;
  });
  const runnable = args.scenarios.filter(({ name, program }) => {
    const reason = whyNotRun(program);
    if (reason !== undefined) process.stderr.write(`Skipping ${name}: it ${reason}.\n`);
    return reason === undefined;
  });
  args = { ...args, scenarios: runnable };
  const failures: string[] = [];
  const bars = new MultiBar(
    { format: '{bar} {value}/{total} {what}', clearOnComplete: true, hideCursor: true, stream: process.stderr },
    Presets.shades_classic,
  );
  const bar = bars.create(countRuns(args, peers), 0, { what: '' });
  const date = new Date().toISOString().slice(0, 10);
  const scenarios: Record<string, ScenarioResults> = {};
  for (const scenario of args.scenarios) {
    scenarios[scenario.name] = await runScenario(scenario, args, peers, {
      running: (name, variant, peer) => bar.update({ what: `${name}, ${variant}: ${peer}` }),
      done: () => bar.increment(),
      failed: (name, variant, peer, error) => failures.push(`${name}, ${variant}, ${peer}: ${error.message}`),
    });
    if (args.write) keepResults({ machine: about, date, scenarios });
  }
  bars.stop();
  const results = { machine: about, date, scenarios };
  process.stdout.write(args.json ? `${JSON.stringify(results, undefined, 1)}\n` : textTables(results));
  for (const failure of failures) process.stderr.write(`Failed: ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
  if (args.write) await writeReport(keepResults(results));
}

function install(args: Arguments): void {
  if (args.install && !installPackages()) process.stderr.write('The packages of bench/ cannot be installed.\n');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
