import type { Context } from 'mocha';

/** What ends by itself, or belongs to the process and not to a spec. */
const transient = new Set(['Immediate', 'TickObject', 'TTYWrap', 'CloseReq', 'WriteWrap', 'ShutdownWrap']);
const settleMs = 3_000;
const pollMs = 5;

type Resources = Map<string, number>;

function activeResources(): Resources {
  const counts: Resources = new Map();
  for (const kind of process.getActiveResourcesInfo()) {
    if (!transient.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function leftOver(before: Resources): string[] {
  const left: string[] = [];
  for (const [kind, count] of activeResources()) {
    const more = count - (before.get(kind) ?? 0);
    if (more > 0) left.push(`${more} ${kind}`);
  }
  return left;
}

/** Waits for what is closing to be closed, then says what is left. */
async function settled(before: Resources): Promise<string[]> {
  // From the first turn of an asynchronous hook on, mocha's own timer is there too.
  const expected: Resources = new Map(before).set('Timeout', (before.get('Timeout') ?? 0) + 1);
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    if (leftOver(expected).length === 0) return [];
  }
  for (const end = Date.now() + settleMs; Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    if (leftOver(expected).length === 0) return [];
  }
  return leftOver(expected);
}

let beforeAll: Resources = new Map();
let beforeEach: Resources = new Map();
let rejections: unknown[] = [];
/** Told at the end: a hook that fails at once would keep the other specs from running. */
const findings: string[] = [];

async function check(title: string, before: Resources): Promise<void> {
  for (const reason of rejections) findings.push(`${title}: nobody handled the rejection ${String(reason)}`);
  rejections = [];
  if (leftOver(before).length === 0) return;
  const left = await settled(before);
  if (left.length > 0) findings.push(`${title}: left open ${left.join(', ')}`);
}

/**
 * After every spec: no timer, socket, server or child process is left of those it made, and no rejection went
 * unhandled. What `before` hooks open is measured when all is over.
 */
export const mochaHooks = {
  beforeAll(this: Context): void {
    process.on('unhandledRejection', (reason) => rejections.push(reason));
    beforeAll = activeResources();
  },
  beforeEach(this: Context): void {
    beforeEach = activeResources();
  },
  afterEach(this: Context): Promise<void> {
    return check(this.currentTest?.fullTitle() ?? 'a spec', beforeEach);
  },
  async afterAll(this: Context): Promise<void> {
    if (findings.length === 0) await check('all specs together', beforeAll);
    if (findings.length > 0) throw new Error(findings.join('\n'));
  },
};
