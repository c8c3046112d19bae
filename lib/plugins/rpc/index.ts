export type { CallContext } from './call-context.ts';
export { CallOptions, callOptions, type CallSettings } from './call-options.ts';
export { everyone, type Everyone } from './everyone.ts';
export type { EveryoneOptions } from './everyone-options.ts';
export type { JointProcedure } from './joint/joint-signature.ts';
export type { ProxyOptions, RemoteOptions } from './options.ts';
export { type Proxied, proxy } from './proxy.ts';
export { type Offered, remote } from './remote.ts';
export type { ContractSchema, MethodSchema, StandardSchema } from './contract.ts';
