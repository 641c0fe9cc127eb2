"""What is announced. Knows neither GraphQL nor SQL, nor what the messages are about.

bus       text from any process to all that listen, over broadcaster; may lose some
 ├ link, tap, backends   one life of a connection to the broker
 ├ channels              who listens, and what the broker has not been told of it
 └ outbox                what is to be sent
feeds     per topic: its changes in order, each once, the lost ones read from where they are kept
 ├ feed                  one topic: order, gaps, repairs
 └ watch                 what one reader of a feed gets
relays    a topic's changes as events, rendered once for each group and handed to all its outlets
 ├ relay                 one reader of a feed: what is told of its changes, and to whom
 ├ delivery              one event, many outlets, without a task or a queue for each
 ├ asides                what is told beside the changes, now or not at all
 ├ member, log           where each follower stands; the last events, for those who lag
 ├ view, outlet          what a relay is told of its topic, and of those who follow
 └ following             what one subscription follows, over many relays
presence  who watches what at this moment, over all processes
 ├ room                  one topic of it
 └ attendance            rooms as feeds, so that relays can follow them
latest    messages that nothing depends on

mailbox, tasks, paced and reports are the tools that these are made with.
"""
