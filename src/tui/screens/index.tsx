/** Which screen is drawn for which view. */
import type { ReactNode } from 'react';
import type { TuiState, View } from '../navigation.ts';
import { CaptureScreen } from './capture.tsx';
import { ConnectionsScreen } from './connections.tsx';
import { ExplainScreen } from './explain.tsx';
import { FindingScreen } from './finding.tsx';
import { FindingsScreen } from './findings.tsx';
import { FollowScreen } from './follow.tsx';
import { LadderScreen } from './ladder.tsx';
import { PacketScreen } from './packet.tsx';
import { PeersScreen } from './peers.tsx';
import { TimeScreen } from './time.tsx';

export function Screen({ view, state }: { readonly view: View; readonly state: TuiState }): ReactNode {
  switch (view.kind) {
    case 'findings':
      return <FindingsScreen view={view} state={state} />;
    case 'finding':
      return <FindingScreen view={view} state={state} />;
    case 'connections':
      return <ConnectionsScreen view={view} state={state} />;
    case 'ladder':
      return <LadderScreen view={view} state={state} />;
    case 'packet':
      return <PacketScreen view={view} state={state} />;
    case 'explain':
      return <ExplainScreen view={view} state={state} />;
    case 'capture':
      return <CaptureScreen view={view} state={state} />;
    case 'follow':
      return <FollowScreen view={view} state={state} />;
    case 'peers':
      return <PeersScreen view={view} state={state} />;
    case 'time':
      return <TimeScreen view={view} state={state} />;
  }
}
