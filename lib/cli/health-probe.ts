import { textOf } from '../base/thrown.ts';
const timeoutMs = 5_000;

/** Asks a URL how it is: 0 for a status from 200 to 499, 1 for another, 2 if there was no answer. */
export async function probe(url: string, complain: (text: string) => void): Promise<number> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    if (response.status >= 200 && response.status < 500) return 0;
    complain(`${url} answered ${response.status}\n`);
    return 1;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    complain(`${url} did not answer: ${textOf(cause)}\n`);
    return 2;
  }
}
