export { CallOptions, callOptions, type CallSettings } from './call-options.ts';
export type { JointProcedure } from './joint/joint-signature.ts';
export { type Proxied, proxy, type ProxyOptions } from './proxy.ts';
export { type Offered, remote, type RemoteOptions } from './remote.ts';
export type { ContractSchema, MethodSchema, StandardSchema } from './standard-schema.ts';
