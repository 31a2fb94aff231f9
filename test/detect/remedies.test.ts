/** What a remedy prints as its command goes into a shell as it stands. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { diagnoseFixture } from '../support/diagnose.ts';

/** One capture for each of many rules; IPv4 and IPv6. */
const FIXTURES = [
  'accept_overflow.pcap',
  'broken_pipe.pcap',
  'close_wait_leak.pcap',
  'dns_flood.pcap.gz',
  'ephemeral_exhaustion.pcap',
  'firewall_idle_cut.pcap',
  'half_open_reboot.pcap',
  'http_flood.pcap.gz',
  'ip4_fragments.pcap',
  'isn_weak_counter.pcap.gz',
  'keepalive_ok.pcap',
  'land_attack.pcap',
  'last_ack_stuck.pcap',
  'lost_third_ack.pcap',
  'mss_clamping.pcap',
  'nagle_delayed_ack.pcap.gz',
  'packet_loss.pcap.gz',
  'paws_rejects.pcap',
  'pmtu_blackhole.pcap',
  'portscan_flags.pcap',
  'portscan_syn.pcap',
  'process_killed.pcap',
  'reflection.pcap.gz',
  'rst_injection_exact.pcap',
  'rst_linger0.pcapng',
  'slow_server.pcap.gz',
  'slowloris.pcap.gz',
  'syn_blackhole_linear.pcap',
  'syn_flood_no_cookies.pcap.gz',
  'syn_flood_rst_answers.pcap.gz',
  'time_wait_syn_challenge.pcapng',
  'tw_bucket_overflow.pcap.gz',
  'tw_recycle.pcap.gz',
  'vlan_ipv6.pcap',
  'zero_window.pcap',
];

/** A command of a shell begins with one of these; anything else is a line of some configuration, and appliesTo says whose. */
const PROGRAMS =
  /^(?:conntrack|coredumpctl|dig|ethtool|gdb|ip|iptables|ip6tables|journalctl|kubectl|lsof|modprobe|mtr|nft|nstat|ping|ss|strace|sysctl|systemctl|tcpdump|traceroute|uptime|whois)\b/;

const commands = new Set<string>();
beforeAll(async () => {
  for (const name of FIXTURES) {
    const { findings } = await diagnoseFixture(name);
    for (const { command } of findings.flatMap((f) => f.remedies)) if (command !== null) commands.add(command);
  }
}, 120_000);

const ofShell = (): string[] => [...commands].filter((c) => PROGRAMS.test(c));

describe('the commands of the remedies', () => {
  test('are parsed by a shell', () => {
    expect(ofShell().length).toBeGreaterThan(50);
    const refused = ofShell().filter((command) => spawnSync('bash', ['-n', '-c', command]).status !== 0);
    expect(refused).toEqual([]);
  });

  test('are commands, or lines of a configuration that the reader knows', () => {
    expect([...commands].filter((c) => !PROGRAMS.test(c) && !/[;}]$|^options /.test(c))).toEqual([]);
  });

  test('add one rule of nft each, in quotes where the shell would take it apart', () => {
    for (const command of ofShell().filter((c) => /^nft '?add/.test(c))) {
      expect(command.replace(/'[^']*'/g, '')).not.toMatch(/[&|()]/);
      expect(command).not.toContain(';');
    }
  });

  test('name an IPv6 address in brackets where ss takes it for a port otherwise', () => {
    for (const command of ofShell().filter((c) => c.startsWith('ss '))) expect(command).not.toMatch(/\b(?:dst|src) [0-9a-f]*:[0-9a-f:]+/);
  });
});
