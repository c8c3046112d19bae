export type { WorldAudience, WorldAudienceSettings, WorldMember } from './audience.ts';
export type { NodeInfo, NodeState, WorldStatus } from './node-info.ts';
export type { ClusterOptions, NatsOptions } from './options.ts';
export { cluster } from './plugin.ts';
export type { UndeliveredToPeer } from './receipts.ts';
export {
  World,
  type WorldConnection,
  type WorldContext,
  type WorldEvents,
  type WorldSurveySettings,
} from './world.ts';
export type { WorldPeer, WorldSendSettings } from './world-peer.ts';
export type { WorldAnswer } from './world-survey.ts';
export type { WorldSurveyStreamSettings } from './world-surveys.ts';
