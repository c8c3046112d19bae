import { describe } from 'mocha';
import { manyLifetimes } from './many-lifetimes.ts';

describe('a thousand lifetimes', () => manyLifetimes(1_000));
