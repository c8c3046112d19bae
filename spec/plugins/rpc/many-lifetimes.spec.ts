import { describe } from 'mocha';
import { manyLifetimes } from './many-lifetimes.ts';

describe('hundreds of lifetimes', () => manyLifetimes(400));
