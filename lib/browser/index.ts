export { BusError, type ErrorCode } from '../base/errors.ts';
export type { RemoteFailure } from '../base/failure.ts';
export type { AskSettings, RequestSettings } from '../bus/call-settings.ts';
export type { ClientEvents } from '../bus/client/client.ts';
export type { Contract, Traffic, Untyped } from '../bus/contract.ts';
export type { ClientReadyEvent, ReadyInfo, SessionInfo, SlowInfo, UndeliveredMessage } from '../bus/events.ts';
export type { ClientOptions } from '../bus/options.ts';
export {
  definePlugin,
  type Lane,
  type LaneHandlers,
  type LaneRequestContext,
  type LaneSendOptions,
  MessageCodec,
  type MessageRequestContext,
  MessageRequests,
  type MessageRequestSettings,
  type MessageRequestsOptions,
  type PeerHandle,
  type Plugin,
  type PluginHost,
  type PluginInstance,
  type RequestCarrier,
} from '../bus/plugin.ts';
export type { Context, Handler, Respond } from '../bus/requests/request-dispatcher.ts';
export type { SendSettings } from '../bus/call-settings.ts';
export { ClientStatus } from '../session/state.ts';
export { Client } from './client.ts';
