const settled = Promise.resolve();
const nothing = (): void => undefined;

/**
 * What to resolve a promise with for it to reject with the error that `make` makes. The error is made while those who
 * await the promise are known, so that its stack ends with their lines, as that of an error thrown in an async function
 * does; until something fails this costs nothing.
 */
export function failing(make: () => Error): Promise<never> {
  // One reaction ahead, in which the other promise begins to listen to this one.
  return settled.then(nothing).then(() => {
    throw make();
  });
}
