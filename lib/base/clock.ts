/** Time as the library sees it, so that a whole bus can run under a clock of the specs. */
export interface Clock {
  /** Milliseconds from a fixed point, never going back. */
  now(): number;
  /** Runs `task` once after `ms`; `background` timers do not keep the process alive. */
  setTimer(task: () => void, ms: number, background?: boolean): Timer;
  /** Runs `task` at the end of the present turn of the event loop. */
  defer(task: () => void): void;
}

export interface Timer {
  cancel(): void;
  /** Says whether the timer keeps the process alive, where that can be changed. */
  hold?(on: boolean): void;
}

/** The longest delay the platform's timers take; longer waits are cut to it and checked again by their owners. */
export const longestTimerMs = 2_147_483_647;
