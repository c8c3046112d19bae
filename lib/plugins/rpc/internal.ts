// What busbar/services, whose calls are calls of remote objects, needs beyond the public names.
export { type CallContext, type CallRequest, OneWayContext } from './call-context.ts';
export { CallOptions, usualAsk } from './call-options.ts';
export { endStreamsIn } from './exported-stream.ts';
export { kind } from './frame.ts';
export type { RpcHub } from './hub.ts';
export { laneHub, type LaneHub } from './lane-hub.ts';
export { members } from './members.ts';
export type { Arguments, Methods, Result } from './method-types.ts';
export { type Callee, Offer } from './offer.ts';
export { travels } from './references.ts';
export type { RpcSession } from './session.ts';
export { untilAnswered } from './until-answered.ts';
