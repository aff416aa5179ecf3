"""Does a killed writer or a power cut lose anything that was acknowledged?"""
