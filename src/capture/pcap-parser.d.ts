/** The part of npm's pcap-parser 0.2.1 that we use; it ships no types. */
declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';

  export interface ParsedPacket {
    readonly header: {
      readonly timestampSeconds: number;
      readonly timestampMicroseconds: number;
      readonly capturedLength: number;
      readonly originalLength: number;
    };
    readonly data: Buffer;
  }

  interface Events {
    packet: [ParsedPacket];
    error: [Error];
    end: [];
  }

  /** What it uses of a readable stream. */
  export interface PcapInput {
    pause(): void;
    resume(): void;
    on(event: string, listener: (data: Buffer) => void): void;
  }

  const pcapParser: { parse(input: string | PcapInput): EventEmitter<Events> };
  export default pcapParser;
}
