/** What the two ends say on the lane. */
export const word = { ready: 'ready', stop: 'stop' } as const;
