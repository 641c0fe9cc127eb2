"""What is announced. Knows neither GraphQL nor SQL, nor what the messages are about.

bus       text from any process to all that listen, over broadcaster; may lose some
 ├ link, tap, backends   one life of a connection to the broker
 ├ channels              who listens, and what the broker has not been told of it
 └ outbox                what is to be sent
feeds     per topic: its changes in order, each once, the lost ones read from where they are kept
 ├ feed                  one topic: order, gaps, repairs
 ├ watch                 what one reader of a feed gets
 └ group                 many watches, one reader
presence  who watches what at this moment, over all processes; room: one topic of it
latest    messages that nothing depends on

mailbox, tasks, paced and reports are the tools that these are made with.
"""
