import { defineDetector } from 'tcpdiag';

/** Sessions of a database that outlive the pool's maxLifetime: the pool does not retire them. */
export default defineDetector({
  id: 'session-too-long',
  title: 'Database sessions older than the pool may let them grow',
  severity: 'notice',
  category: 'close',
  params: {
    port: { default: 3306, text: 'port of the database' },
    maxSeconds: { default: 1800, text: "the pool's maxLifetime, seconds" },
  },
  docs: {
    what: 'A client keeps a session of the database for longer than its pool should.',
    why: 'After a failover such a session goes on speaking to the old primary.',
    how: 'The time from the first to the last segment of each connection to the port is compared with maxSeconds.',
    never: 'Sessions younger than maxSeconds, and other ports.',
    limits: 'A session that began before the capture is older than it looks.',
    references: ['HikariCP: maxLifetime'],
  },
  detect(capture, { port, maxSeconds }) {
    const services = capture.services.filter((service) => service.port === port);
    if (services.length === 0) return { verdict: 'not-applicable', because: `nobody speaks to port ${port}` };
    const findings = services.flatMap((service) => {
      const old = Array.from(service.all()).filter((id) => seconds(capture.connection(id)) > maxSeconds);
      if (old.length === 0) return [];
      const oldest = Math.max(...old.map((id) => seconds(capture.connection(id))));
      const first = capture.connection(old[0]);
      return [
        {
          severity: 'notice',
          confidence: 'high',
          title: `${old.length} sessions of ${service.name} are older than ${maxSeconds} s`,
          summary: `${old.length} of ${service.total} sessions of ${service.name} lived for more than ${maxSeconds} s, the oldest for ${oldest.toFixed(1)} s.`,
          subject: { host: service.ip, role: 'server', port: service.port },
          atFault: first.client.ip,
          faultBecause: 'the client decides how long it keeps a session',
          since: first.start,
          until: null,
          count: old.length,
          connections: old,
          evidence: [
            { connection: first.id, frame: first.firstFrame, time: first.start, note: 'the first of them begins' },
            { connection: first.id, frame: first.lastFrame, time: first.end, note: 'and still speaks' },
          ],
          metrics: { oldestSeconds: oldest },
          causes: [{ text: 'maxLifetime is not set', likelihood: 'medium', because: 'a pool that sets it closes sessions sooner' }],
          remedies: [{ text: 'Set maxLifetime below 30 minutes.', command: null, appliesTo: 'HikariCP' }],
        },
      ];
    });
    return findings.length > 0 ? { verdict: 'found', findings } : { verdict: 'clear' };
  },
});

const seconds = ({ start, end }) => (end - start) / 1e9;
