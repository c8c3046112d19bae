import { nextTurn } from '../time.ts';

/** Waits turn by turn, for peers that offer a number to look at and no event. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await nextTurn();
}
