"""What is remembered: tables, migrations, named queries that return frozen records, blobs, image files."""
