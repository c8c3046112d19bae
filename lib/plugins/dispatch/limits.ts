/** What one dispatcher holds at the most, and how long it waits. */
export interface Limits {
  /** Devices on one port, those still shaking hands included. */
  readonly maxDevices: number;
  /** Bytes to one device that it has not taken before its drivers wait. */
  readonly maxDeviceBytes: number;
  /** A device that takes nothing of what was sent to it for so long is closed. */
  readonly deviceTimeoutMs: number;
  /** A device that ended its half of the connection is closed once its drivers sent nothing to it for so long. */
  readonly answerTimeoutMs: number;
  /** How long a driver that takes nothing may hold up the other drivers of a device. */
  readonly stallMs: number;
  /** For a TLS handshake, or a PROXY header, to be complete. */
  readonly handshakeTimeoutMs: number;
}
