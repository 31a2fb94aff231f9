/**
 * Stands in for react-devtools-core and for ws, by which it would speak to a debugger: Ink would load both when DEV=true is in the environment
 * (run.tsx takes care that it is not). So nothing that opens a connection is part of the program.
 */
export default {
  initialize(): void {
    // nothing to attach to
  },
  connectToDevTools(): void {
    // nothing to connect to
  },
};
