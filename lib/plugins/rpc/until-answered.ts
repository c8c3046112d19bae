import type { Clock } from '../../base/clock.ts';
import { codeOf } from '../../base/thrown.ts';
import type { AskOptions } from '../../bus/plugin.ts';
import type { RpcSession } from './session.ts';

interface Call {
  readonly object: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly ask: AskOptions;
}

/** Calls in the session that `session` gives, and again in each next one that it gives when that is lost, within one timeout. */
export async function untilAnswered(
  clock: Clock,
  session: () => RpcSession,
  { object, name, args, ask }: Call,
): Promise<unknown> {
  const until = clock.now() + (ask.timeoutMs ?? Number.POSITIVE_INFINITY);
  for (let { timeoutMs } = ask; ; timeoutMs = Math.max(1, until - clock.now())) {
    const present = session();
    try {
      return await present.call(object, name, args, { ...ask, timeoutMs });
    } catch (error) {
      // The same code may be the method's own answer.
      if (!present.isOver || codeOf(error) !== 'ERR_SESSION_LOST') throw error;
    }
  }
}
