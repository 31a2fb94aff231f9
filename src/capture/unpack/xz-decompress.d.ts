/** npm `xz-decompress` as Node loads it: CommonJS, whose exports are the default. Its own types speak of a named export. */
declare module 'xz-decompress' {
  const xz: {
    readonly XzReadableStream: {
      new (packed: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
      /** Private: lets one stream be unpacked at a time. */
      _contextMutex: { acquire: () => Promise<void>; release: () => void };
    };
  };
  export default xz;
}
