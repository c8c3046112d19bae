/** What a command has of the process it runs in. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  out(text: string): void;
  complain(text: string): void;
  /** Once for each of the signals that ask a process to end. */
  onSignal(listener: (signal: string) => void): void;
  /** The same, and when nobody reads what it writes any more. */
  onEnough(listener: () => void): void;
}
