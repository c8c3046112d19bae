import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Connection, SurveyAnswer } from '../../../lib/index.ts';
import {
  type CallContext,
  type CallOptions,
  callOptions,
  type Everyone,
  type Proxied,
} from '../../../lib/plugins/rpc/index.ts';

interface Contract {
  add(a: number, b: number): number;
  later(text: string): Promise<string>;
  items(): AsyncIterable<number>;
  readonly version: number;
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when the types are the same. */
function same<A, B>(equal: Equal<A, B>): boolean {
  return equal;
}

describe('types of a proxy', () => {
  type Calls = Proxied<Contract>;

  it('methods - answer with promises of what they return, and take options last', () => {
    expect(same<ReturnType<Calls['add']>, Promise<number>>(true)).to.equal(true);
    expect(same<ReturnType<Calls['later']>, Promise<string>>(true)).to.equal(true);
    expect(same<ReturnType<Calls['items']>, Promise<AsyncIterable<number>>>(true)).to.equal(true);
    expect(same<Parameters<Calls['add']>, [a: number, b: number, options?: CallOptions]>(true)).to.equal(true);
  });

  it('notify - takes the arguments alone and resolves nothing', () => {
    expect(same<Calls['$notify']['add'], (a: number, b: number) => Promise<void>>(true)).to.equal(true);
  });

  it('methods - that get the context of their call are called without it', () => {
    interface WithContext {
      search(text: string, context: CallContext<Connection>): number;
      unknown(value: unknown): void;
    }
    type Searches = Proxied<WithContext>;
    expect(same<Parameters<Searches['search']>, [text: string, options?: CallOptions]>(true)).to.equal(true);
    expect(same<Searches['$notify']['search'], (text: string) => Promise<void>>(true)).to.equal(true);
    expect(same<Parameters<Searches['unknown']>, [value: unknown, options?: CallOptions]>(true)).to.equal(true);
  });

  it('everyone - answers with what each peer answers', () => {
    type Asked = Everyone<Contract, Connection>['$survey']['add'];
    expect(same<Awaited<ReturnType<Asked>>, SurveyAnswer<Connection, number>[]>(true)).to.equal(true);
    expect(same<Parameters<Asked>, [a: number, b: number, options?: CallOptions]>(true)).to.equal(true);
  });

  it('members that are no methods - are not there', () => {
    expect(same<keyof Calls, 'add' | 'later' | 'items' | '$notify'>(true)).to.equal(true);
  });

  it('options - are checked when they are made', () => {
    expect(() => callOptions({ timeout: -1 }))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => callOptions({ tmeout: 1 } as never))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });
});
