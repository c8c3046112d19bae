import type { Context } from 'mocha';

/** What ends by itself, or belongs to the process and not to a spec. */
const transient = new Set(['Immediate', 'TickObject', 'TTYWrap', 'CloseReq', 'WriteWrap', 'ShutdownWrap']);
const settleMs = 200;
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
  for (let turn = 0; turn < 3 && leftOver(before).length > 0; turn++) await new Promise(setImmediate);
  for (const end = Date.now() + settleMs; Date.now() < end; ) {
    if (leftOver(before).length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return leftOver(before);
}

let beforeAll: Resources = new Map();
let beforeEach: Resources = new Map();
let rejections: unknown[] = [];

async function check(context: Context, before: Resources): Promise<void> {
  if (rejections.length > 0) {
    const [first] = rejections;
    rejections = [];
    throw new Error('a promise was rejected and nobody handled it', { cause: first });
  }
  if (leftOver(before).length === 0) return;
  context.timeout(settleMs + 5_000);
  const left = await settled(before);
  if (left.length > 0) throw new Error(`left open: ${left.join(', ')}`);
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
  afterEach(this: Context): Promise<void> | void {
    return check(this, beforeEach);
  },
  afterAll(this: Context): Promise<void> {
    return check(this, beforeAll);
  },
};
