"""What is remembered: tables, migrations, named queries, the blob store, image files."""
