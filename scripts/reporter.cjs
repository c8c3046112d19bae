const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

const ticksPerSecond = 100;

/** Seconds of processor time so far, on Linux with those of the programs that it started, whether they have ended or not. */
function secondsOfProcessor() {
  try {
    return ticksOf(process.pid) / ticksPerSecond;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}

/** A process counts those of its children that have ended and were waited for; the others are looked up. */
function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  let ticks = fields.slice(11, 15).reduce((sum, part) => sum + Number(part), 0);
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of childrenOf(pid, task)) {
      try {
        ticks += ticksOf(child);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  return ticks;
}

function childrenOf(pid, task) {
  try {
    return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

/** Mocha's own listing, and the counts, what failed and what each file cost in the file named by SPEC_SUMMARY for the script that started it. */
module.exports = class Reporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const faults = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) =>
      faults.push({ file: test.file ?? test.parent?.file, what: `${test.fullTitle()}: ${error.message}` }),
    );
    /** Seconds of processor time and of waiting, by file. */
    const costs = { loading: [secondsOfProcessor(), process.uptime()] };
    let before = costs.loading;
    const count = (file) => {
      const now = [secondsOfProcessor(), process.uptime()];
      const sums = costs[file] ?? [0, 0];
      costs[file] = now.map((seconds, at) => sums[at] + seconds - before[at]);
      before = now;
    };
    // A suite has ended when its last hooks have, which end the programs it started.
    runner.on(Runner.constants.EVENT_SUITE_END, (suite) => {
      if (suite.parent?.root) count(suite.file);
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes: passed, failures: failed, pending: skipped } = this.stats;
      const file = process.env.SPEC_SUMMARY;
      if (file !== undefined) writeFileSync(file, JSON.stringify({ passed, failed, skipped, faults, costs }));
    });
  }
};
