import { describe } from 'mocha';
import { manyLifetimes } from './many-lifetimes.ts';

describe('ten thousand lifetimes', () => manyLifetimes(10_000));
