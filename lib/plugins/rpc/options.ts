import { custom, type Given, integer } from '../../base/options.ts';
import type { JointProcedure } from './joint/joint-signature.ts';
import type { ContractSchema } from './standard-schema.ts';

/** What `remote()` takes. */
export const remoteTable = {
  id: integer({ default: 0, max: 255, doc: 'The number of the object, where an end offers several.' }),
  user: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    doc: "Offers it to this user alone; at an owner's end.",
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256,
  }),
  methods: custom<readonly string[]>({
    type: 'string[]',
    default: [],
    doc: "Methods of the object's class that are offered besides its own functions.",
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  schema: custom<ContractSchema>({
    type: '{ method: { input, output } }',
    default: {},
    doc: 'Standard Schemas that arguments and results are held against.',
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  joint: custom<readonly JointProcedure[] | undefined>({
    type: "['method', 'type', ...][]",
    default: undefined,
    doc: 'The procedures in their order, for joint peers.',
    accepts: (value) => Array.isArray(value),
  }),
};

export type RemoteOptions = Given<typeof remoteTable>;

/** What `proxy()` takes. */
export const proxyTable = {
  id: integer({ default: 0, max: 255, doc: 'The number of the object, where the other side offers several.' }),
  methods: custom<readonly string[] | undefined>({
    type: 'string[]',
    default: undefined,
    doc: 'What this end counts on; the other side compares it at the first call.',
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  }),
  schema: custom<ContractSchema | undefined>({
    type: '{ method: { input, output } }',
    default: undefined,
    doc: 'Likewise, with the schemas.',
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  joint: custom<readonly JointProcedure[] | undefined>({
    type: "['method', 'type', ...][]",
    default: undefined,
    doc: 'The procedures in their order, for a joint peer; its calls have no answer.',
    accepts: (value) => Array.isArray(value),
  }),
};

export type ProxyOptions = Given<typeof proxyTable>;
