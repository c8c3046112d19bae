export type { Crew, FleetSettings } from './crew.ts';
export { defineFleet, type FleetConfig } from './config.ts';
export { Fleet, type FleetOptions } from './fleet.ts';
export type { DownReason, FleetEvents, FleetProcess } from './fleet-process.ts';
export type { GroupOptions, Groups } from './group-options.ts';
export { fleetReady, fleetStop } from './member-end.ts';
export { fleet } from './plugin.ts';
