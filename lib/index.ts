export type {
  RequestSettings,
  StartSettings,
  SurveySettings,
} from './bus/call-settings.ts';
export type { ConnectingPeer, Authorize } from './bus/contract.ts';
export type { ClientEvents } from './bus/client/client.ts';
export type { ConnectionEvents } from './bus/server/connection-events.ts';
export type { Contract, Sendable, Traffic, Untyped } from './bus/contract.ts';
export type { ClientReadyEvent, ReadyInfo, SessionInfo, SlowInfo, UndeliveredMessage } from './bus/events.ts';
export type { ConnectContext, OperationContext } from './bus/tracing/followed-operations.ts';
export type { Group } from './bus/server/group.ts';
export type { Logger } from './bus/logger.ts';
export { Client, type NodeClientOptions as ClientOptions } from './bus/node-client.ts';
export { Connection, type NodeServerOptions as ServerOptions, Server } from './bus/node-server.ts';
export type { Spawned, SpawnSettings, Threaded, ThreadSettings } from './bus/process/offspring.ts';
export {
  type Arrival,
  type AskSettings,
  type Audience,
  type AudienceSettings,
  definePlugin,
  type ClientJournal,
  type ClientSender,
  type ClientSends,
  type Consume,
  type ConsumeContext,
  type ConsumeKey,
  type ConsumeSettings,
  type DeadLetter,
  type DurableAskOptions,
  type DurableBacklog,
  type DurableConsumer,
  type DurableContext,
  type DurableDeadLetters,
  type DurableReceipts,
  type DurableReceiver,
  type DurableRequestContext,
  type DurableSender,
  type DurableSendOptions,
  type DurableSends,
  type Journal,
  MessageCodec,
  type MessageRequestContext,
  MessageRequests,
  type MessageRequestSettings,
  type MessageRequestsOptions,
  type RequestCarrier,
  type SendSettings,
  type ServerJournal,
  type ServerReceipts,
  type Lane,
  type LaneHandlers,
  type LaneLore,
  type LaneRequestContext,
  type LaneSendOptions,
  type LaneSurveySettings,
  type Operation,
  type PeerBacklog,
  type PeerHandle,
  type Plugin,
  type PluginDefinition,
  type PluginHost,
  type PluginInstance,
  type ServerClients,
  type Settled,
  type Sighting,
  type SurveyAnswer,
  type SurveyStreamSettings,
  type Tracer,
  type TrafficKind,
  type Watcher,
  type WiderAudience,
  Withdrawal,
} from './bus/plugin.ts';
export type { BothWays, LaneStats, Stats } from './bus/stats.ts';
export type { Context, Handler, Respond } from './bus/requests/request-dispatcher.ts';
export type { ServerEvents } from './bus/server/server-events.ts';
export { type Closable, shutdownOn, type ShutdownSettings } from './bus/process/shutdown.ts';
export { notifySystemd } from './bus/process/systemd.ts';
export type { PromiseSettled, SurveyResult } from './bus/survey-answer.ts';
export { BusError, type ErrorCode, errorCodes } from './base/errors.ts';
export type { RemoteFailure } from './base/failure.ts';
export type { PeerCredentials } from './transport/link.ts';
export { ClientStatus } from './session/state.ts';
export type { BodyContract, BodyLimits, Contracted, ContractValue, WrittenBody } from './wire/contracts.ts';
