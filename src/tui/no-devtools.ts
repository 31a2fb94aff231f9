/** Stands in for react-devtools-core, which Ink loads when DEV=true is in the environment: a user's variable must not change us. */
export default {
  initialize(): void {
    // nothing to attach to
  },
  connectToDevTools(): void {
    // nothing to connect to
  },
};
