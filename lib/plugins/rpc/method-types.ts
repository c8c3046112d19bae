import type { CallContext } from './call-context.ts';

/** The members of a contract that are methods. */
export type Methods<Contract> = {
  [Name in keyof Contract as Contract[Name] extends (...args: never) => unknown ? Name : never]: Contract[Name];
};

/** What a caller gives: the arguments of the method, without the context that it gets behind them. */
export type Arguments<Method> = Method extends (...args: infer Args) => unknown ? WithoutContext<Args> : never;

/** What a caller gets in the end. */
export type Result<Method> = Method extends (...args: never) => infer Value ? Awaited<Value> : never;

type WithoutContext<Args extends readonly unknown[]> = Args extends readonly [...infer Others, infer Last]
  ? IsContext<Last> extends true
    ? Others
    : Args
  : Args;

/** What is `any` may be data. */
type IsContext<Value> = 0 extends 1 & Value ? false : [Value] extends [CallContext] ? true : false;
