"""The SQLite file: the only importer of apsw."""
