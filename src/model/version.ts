/** The name and version that reports carry; test/package.test.ts keeps the version equal to package.json's. */
export const TOOL_NAME = 'tcpdiag';
export const TOOL_VERSION = '0.1.0';
