/** Stands in for react-devtools-core, which Ink would load when DEV=true is in the environment (run.tsx takes care that it is not). */
export default {
  initialize(): void {
    // nothing to attach to
  },
  connectToDevTools(): void {
    // nothing to connect to
  },
};
