// The entry of web pages, which have one peer: what `index.ts` exports, without `everyone`.
export { CallOptions, callOptions } from './call-options.ts';
export { proxy } from './proxy.ts';
export { remote } from './remote.ts';
