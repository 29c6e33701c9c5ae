// The part of node-ssdp 4.0.1 that the adapter stands on, private members included. The package is pinned to that exact
// version, and test/platform/ssdp-sockets.test.ts looks at the wire, so that a changed one fails loudly.

declare module 'node-ssdp' {
  import type { RemoteInfo, Socket } from 'node:dgram';

  export interface ServerOptions {
    /** Without it the package would ask `ip`, which is replaced by a stub that throws. */
    readonly location: string;
    readonly explicitSocketBind?: boolean;
    readonly suppressRootDeviceAdvertisements?: boolean;
    readonly ssdpTtl?: number;
  }

  export class Server {
    constructor(options: ServerOptions);
    /** One socket per local address to bind. */
    protected sockets: Record<string, Socket> | null;
    protected _started: boolean;
    start(): Promise<void>;
    protected _createSockets(): void;
    protected _initAdLoop(): void;
    protected _parseMessage(bytes: Uint8Array | string, from: RemoteInfo): void;
    protected _parseCommand(text: string, from: RemoteInfo): void;
    protected _parseResponse(text: string, from: RemoteInfo): void;
    protected _getHeaders(text: string): Record<string, string>;
    protected _send(
      bytes: Uint8Array,
      host: string,
      port: number,
      sent: (error?: NodeJS.ErrnoException | null) => void,
    ): void;
    protected _stop(): void;
  }
}
