import type { Link } from '../../../transport/link.ts';

/** What the joint protocol needs of a TCP connection or a WebSocket: a byte pipe. */
export type JointPipe = Pick<
  Link,
  'remote' | 'bufferedBytes' | 'attach' | 'write' | 'pause' | 'resume' | 'end' | 'destroy'
>;
