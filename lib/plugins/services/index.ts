export type { KeyedService } from './client/held-keys.ts';
export type { Member, ServicesEvents } from './member.ts';
export { services } from './plugin.ts';
export type { Provided } from './client/provisions.ts';
export type { MemberAnswer, Service, ServiceKey } from './service.ts';
export type { ServiceContext } from './service-context.ts';
export { ServicesHub } from './services-hub.ts';
export type { HubOptions, MemberOptions, OwnOptions, ProvideOptions } from './services-options.ts';
export { Services } from './services.ts';
