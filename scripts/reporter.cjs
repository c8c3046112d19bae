const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

/** Mocha's own listing, and the counts and what failed in the file named by SPEC_SUMMARY for the script that started it. */
module.exports = class Reporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const faults = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) =>
      faults.push({ file: test.file ?? test.parent?.file, what: `${test.fullTitle()}: ${error.message}` }),
    );
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes: passed, failures: failed, pending: skipped } = this.stats;
      const file = process.env.SPEC_SUMMARY;
      if (file !== undefined) writeFileSync(file, JSON.stringify({ passed, failed, skipped, faults }));
    });
  }
};
