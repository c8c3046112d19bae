import { argumentsOf } from '../program.ts';
import type { Offers } from './contract.ts';
import { again, member } from './member.ts';

argumentsOf('FOLDER');
await member((mine) => {
  const store = mine.service<Offers['store']>('store').key('all');
  mine.provide('matchmaker', {
    // A room has four seats.
    find: async (name) => `room-${Math.floor((await store.call.seatOf(name, again)) / 4)}`,
  } satisfies Offers['matchmaker']);
});
