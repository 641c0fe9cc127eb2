"""What it costs to tell many subscribers, beside other servers and the bare minimum.

All servers run at once, one process each, and take turns, so that a busy machine favours none.
Everybody subscribes to ``segmentationUpdated`` with the same fields, on a connection of their own
and with a UUID as the operation's id; frames are checked to hold the same names. An event is one
change of one image, so each is one frame to each subscriber: the hub neither merges these nor holds
them back, as it does with ``projectUpdated`` (which is measured apart, at the pace that it allows).

- CPU is what the scheduler says that the server's process got, its kernel's time for sending
  included. Each event waits until all have the one before. In between come as many events that
  nobody watches, and what those cost is taken off: with the hub that is a whole mutation, commit
  included, and with the others the request by which they are told what to push.
- Throughput: events come as fast as the server takes them, four at a time, and the frames that
  arrived are counted. The hub's include the mutations. The clients' share of a core stands beside
  it; where that is far below 100 %, they were not what limited it.
- Latency runs from the moment that an event is due, just before the request is sent, to the moment
  that a client has the frame, on the same clock. So it is more than from commit to client: it has
  the mutation in it, too.
- Memory is what the server's process has filled beyond what it had before, divided by the idle
  subscriptions; what the kernel keeps for sockets is not in it.

The others keep their subscribers in memory and check nobody's credentials. The bare server does
nothing but ``transport.write`` of one ready frame to each, on uvloop.
"""
