const { readFileSync, writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

const ticksPerSecond = 100;

/** Seconds of processor time so far; on Linux with those of programs that have ended. */
function secondsOfProcessor() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
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
    const costs = {};
    let before = 0;
    runner.on(Runner.constants.EVENT_TEST_END, (test) => {
      const now = secondsOfProcessor();
      costs[test.file] = (costs[test.file] ?? 0) + now - before;
      before = now;
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes: passed, failures: failed, pending: skipped } = this.stats;
      const file = process.env.SPEC_SUMMARY;
      if (file !== undefined) writeFileSync(file, JSON.stringify({ passed, failed, skipped, faults, costs }));
    });
  }
};
